"""Label one's own frames: by clicks in a web page, or with boxes drawn elsewhere."""
