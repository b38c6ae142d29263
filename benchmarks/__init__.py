"""Every promise about speed, as a measurement against a named peer or a quota. Nothing here is shipped."""
