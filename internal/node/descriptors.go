package node

// reserved is how many of its descriptors the process keeps for files, HTTP and whatever else it opens: an eighth, and at least
// this many.
const reserved = 64

// connectionLimit returns how many RTMP connections there may be, so that descriptors are left for the sessions that run: what
// the configuration says (0: as many as possible), and less if the process may open fewer files. No descriptors means that the
// system does not tell.
func connectionLimit(configured, descriptors int) int {
	if descriptors <= 0 {
		return configured
	}
	possible := max(1, descriptors-max(reserved, descriptors/8))
	if configured == 0 {
		return possible
	}
	return min(configured, possible)
}

// sayDescriptors warns an operator whose limit cannot be reached.
func (n *Node) sayDescriptors() {
	configured := n.Config().Limits.Connections
	limit := connectionLimit(configured, maxDescriptors())
	if limit < configured {
		n.log.Warn("limits.connections is more than the system grants open files for: raise the limit on open files (ulimit -n, LimitNOFILE)",
			"configured", configured, "in_force", limit)
	}
}
