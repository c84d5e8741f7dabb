"""What people may ask for under the law: their requests with deadlines, the copy of their data, and its erasure."""
