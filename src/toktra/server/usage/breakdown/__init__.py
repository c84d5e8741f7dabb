"""The usage page: any period, compared with another, split by provider or kind, hour by hour or month by month.

Every view is an address; what a view shows as a chart it also has as a table and as a file.
"""
