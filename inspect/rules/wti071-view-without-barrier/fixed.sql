alter view app.mine set (security_barrier = true);
