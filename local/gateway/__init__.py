"""API Gateway's HTTP API (payload 2.0) on this machine.

Every rule names how it is known: "documented" (AWS's own pages), "observed by others" (public
reports of what AWS answers) or "unverified on AWS" (our reading; AWS may differ).
"""
