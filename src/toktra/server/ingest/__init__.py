"""Takes in what devices report: each batch whole or not at all, each event once, durable before it is confirmed."""
