"""What an organisation means to spend on AI, and when to be told. Budgets inform; they never block.

What was spent is read from the ledger each time and never kept with a budget, so changing one loses nothing.
"""
