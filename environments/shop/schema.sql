CREATE TABLE orders (
    id uuid PRIMARY KEY,
    article citext NOT NULL,
    count integer NOT NULL CHECK (count > 0),
    state text NOT NULL
);
GRANT SELECT ON orders TO front;
GRANT SELECT, INSERT ON orders TO worker;
