revoke all on app.event_2026 from wt_app;
