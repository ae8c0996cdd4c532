"""What to install for what augseq does with further libraries."""

# As pyproject.toml declares them; a test compares.
EXTRAS = {
    "gcs": ("gcsfs>=2024.10",),
    "heif": ("pi-heif>=1.0",),
    "hf": ("huggingface_hub>=0.26",),
    "http": ("aiohttp>=3.10",),
    "jxl": ("imagecodecs>=2025.3.30",),
    "tiff": ("imagecodecs>=2025.3.30", "tifffile>=2025.3.30"),
    "notebook": ("ipykernel>=6.29", "ipywidgets>=8.1", "jupyterlab>=4.2"),
    "pandas": ("pandas>=2.2",),
    "s3": ("s3fs>=2024.10",),
}


def install_command(*extras: str) -> str:
    """Return the command that installs the libraries of some extras.

    It names the libraries and not the extras, so that it works wherever augseq came from: a
    clone, a wheel or a package index.

    Args:
        *extras: Keys of `EXTRAS`.

    >>> install_command("heif", "jxl")
    'pip install "pi-heif>=1.0" "imagecodecs>=2025.3.30"'
    """
    requirements = [f'"{one}"' for extra in extras for one in EXTRAS[extra]]
    return " ".join(["pip install", *requirements])
