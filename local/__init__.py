"""The local stack: what stands in for AWS and the three services. Never shipped to the cloud."""
