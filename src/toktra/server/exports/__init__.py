"""What an organisation takes out of its ledger: records, daily sums and cost, as CSV, NDJSON or Parquet.

No export says who did something or at what time: a record carries its day and, where five people or more stand behind
it, its department. People take their own records, with every time, on their own page.
"""
