"""What ours is timed beside, written as fast as each library allows."""
