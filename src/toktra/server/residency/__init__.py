"""Where an organisation's data is: its region is fixed when it is created, and a server serves one region only.

All that the servers of different regions know of one another's organisations is their id, short name and region.
"""
