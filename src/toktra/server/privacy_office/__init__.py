"""The privacy officer's page: what is due, what is proven and what is not, on one page that prints as a report."""
