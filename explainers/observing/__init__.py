"""What several methods read: observers that ask once for all of them."""
