-- name: plan_each
-- description: Plan each question of this session for the values it has; forgotten when the connection is given back.
SET plan_cache_mode = force_custom_plan;
