"""Where an organisation's data is: its region is fixed when it is created, and a server serves one region only."""
