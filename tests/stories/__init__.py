"""Objects that several folders of tests tell about."""
