"""What use costs: tokens times the prices in force on each day, computed whenever it is asked for and never stored.
Stored are only an organisation's own assumptions about prices; every figure can be opened to show how it came about.
"""
