"""Inside the network: what channels see, what filters want, how Grad-CAM comes about."""
