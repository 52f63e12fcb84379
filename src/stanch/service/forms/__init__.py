"""Forms for people: one for victims, without a sign-in, and one for agents at the hotline."""
