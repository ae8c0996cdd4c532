"""Image folders that lie elsewhere: object stores, web servers, archives."""
