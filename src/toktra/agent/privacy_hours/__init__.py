"""Privacy Hours: whether this moment may be observed. Pure; clocks, zone and files are read by the caller.

`windows` reads what people write; `edges`, `calendar` and `timeline` turn it into instants; `clock` says how far the
time can be trusted; `wishes` holds what the owner decided; `gate` puts them together; `words` and `commands` tell it.
"""
