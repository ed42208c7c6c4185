"""What installs Fairview: the wheel, the service files, the container file."""
