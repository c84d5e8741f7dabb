"""What each department and cost centre is shown of a month's cost (showback), as a page and as a PDF, every figure with
how it came about. Nothing is stored but which cost centre a department belongs to; a statement is computed when read.
"""
