"""Image folders elsewhere: object stores, web servers, archives."""
