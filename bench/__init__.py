"""Side by side with others on the same work, and what our own work costs."""
