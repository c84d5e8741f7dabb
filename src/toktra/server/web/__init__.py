"""The shell of the site: layout, static files, number rules, charts, sessions in cookies, and who may open what.

It knows no table. Rooms with pages (people, usage) bring their own routes; `site.py` puts them together.
"""
