-- Two customers of the shop, and what they did.
insert into countries values ('DE', 'Germany'), ('PL', 'Poland'), ('CZ', 'Czechia');
insert into organizations (name, slug) values ('Acme', 'acme'), ('Birch', 'birch');
insert into users (organization_id, email, password_hash, country)
  select o.id, format('user%s@%s.example', n, o.slug), 'x', 'DE' from organizations o, generate_series(1, 5) n order by o.id, n;
update users u set manager_id = (select min(id) from users m where m.organization_id = u.organization_id)
  where id not in (select min(id) from users group by organization_id);
insert into teams (organization_id, name) select o.id, t from organizations o, unnest(array['sales', 'support']) t order by o.id, t;
insert into team_members select t.id, u.id from teams t join users u using (organization_id);
insert into customers (organization_id, number, name, country, vat_number)
  select o.id, n, format('%s customer %s', o.name, n), 'PL', format('PL%s%s', o.id, n) from organizations o, generate_series(1, 20) n order by o.id, n;
insert into addresses (organization_id, customer_id, street, city, country) select organization_id, id, 'Main 1', 'Poznań', 'PL' from customers;
insert into categories (organization_id, name) select id, 'All' from organizations order by id;
insert into categories (organization_id, parent_id, name) select organization_id, id, 'Some' from categories order by id;
insert into products (organization_id, category_id, sku, title, price)
  select c.organization_id, c.id, format('SKU-%s-%s', c.id, n), 'Thing', n from categories c, generate_series(1, 10) n order by c.id, n;
insert into product_images (product_id, url, position) select id, 'https://example.com/' || id, 1 from products;
insert into warehouses (organization_id, code) select id, upper(slug) || '-1' from organizations;
insert into stock select w.code, p.id, p.organization_id, 5 from products p join warehouses w using (organization_id);
insert into orders (organization_id, customer_id, created_by, state)
  select c.organization_id, c.id, (select min(u.id) from users u where u.organization_id = c.organization_id), 'placed' from customers c, generate_series(1, 10) n order by c.id, n;
insert into order_items (order_id, product_id, quantity, price)
  select o.id, p.id, 1, p.price from orders o join lateral (select * from products p where p.organization_id = o.organization_id order by p.id limit 3) p on true;
insert into invoices (organization_id, order_id, total) select organization_id, id, 10 from orders order by id;
insert into payments (organization_id, invoice_id, reference, amount) select organization_id, id, 'pay-' || id, total from invoices;
insert into coupons (organization_id, code, percent) select id, 'TEN', 10 from organizations;
insert into comments (organization_id, author_id, subject_type, subject_id, body) select organization_id, created_by, 'order', id, 'Hello' from orders order by id;
insert into page_views (organization_id, path, at)
  select 1 + n % 2, '/p/' || n, timestamptz '2024-06-01 12:00Z' + n * interval '1 hour' from generate_series(1, 10000) n;
