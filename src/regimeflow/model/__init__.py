"""Values: what the engine, the venues and the strategies say to each other. Pure and frozen."""
