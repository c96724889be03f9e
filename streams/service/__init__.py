"""The long-running service: one transactional loop a stage over a Kafka cluster (README.md)."""
