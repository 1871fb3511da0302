"""Tables as a catalogue lists them: what each is, how fresh, what it is made from, and what was done for privacy."""

from genspark.catalog.listing import Listing, listing
from genspark.catalog.metastore import in_metastore
from genspark.catalog.site import write_site

__all__ = ["Listing", "in_metastore", "listing", "write_site"]
