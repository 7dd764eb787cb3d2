"""Files that come in: raw, directly to storage, or resumably by tus; each is looked at first."""
