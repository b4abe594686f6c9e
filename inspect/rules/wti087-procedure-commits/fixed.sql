drop procedure app.batch();
