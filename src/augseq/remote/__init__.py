"""Remote image folders: object stores, web servers and archives."""
