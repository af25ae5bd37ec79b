"""Batch scoring: recommendations for many users as one Beam job, on any runner.

```
 users (bundle, text, CSV, Parquet) ── reading ──► blocks ── grouping ──► blocks of like users, each user once
                                          │                                       │ RunInference (model_handler)
                                          │ rejected                              ▼
                                          └────────────► writing ◄──────────── rows
                                                            │ part files, manifest
                                                            ▼
                                        settling: count, compare, join ──► publishing: one rename
```

Everything between reading and writing is blocks of users as Arrow columns; nothing is done user by user.
`job.run_attempt` runs it in this process, `watching` in a child that may die, hang or be tried again.
"""
