"""What was used, how much and at what cost: totals with their ranges, days, providers, and the last exchanges."""
