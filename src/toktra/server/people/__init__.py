"""Who is known to an organisation and how they sign in: people, one-time links, sessions."""
