"""How the service is doing, for Prometheus: requests, database, jobs. No series is about a person, device or tenant."""
