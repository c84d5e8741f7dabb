"""How long each kind of data is kept: the rules, what a change would delete, the nightly deletion, and its proof."""
