-- Invented people of two tenants, and what their groups may do.

INSERT INTO iam.members (tenant, person, grp) VALUES
    ('p11', 'p11-member', 'p11-member-group'),
    ('p11', 'p11-member', 'p11-audit-group'),
    ('p11', 'p11-export', 'p11-export-group'),
    ('p12', 'p12-member', 'p12-member-group'),
    ('p12', 'p12-member', 'p12-audit-group');

INSERT INTO iam.grants (tenant, grp, method, resource)
SELECT tenant, tenant || '-' || role || '-group', method, resource
FROM (VALUES ('p11'), ('p12')) AS tenants (tenant),
     (VALUES ('member', 'GET', 'files'), ('member', 'PUT', 'files'), ('member', 'PATCH', 'files'),
             ('member', 'DELETE', 'files'), ('member', 'POST', 'files'),
             ('member', 'GET', 'survey'), ('member', 'PUT', 'survey'),
             ('member', 'GET', 'apps'), ('member', 'PUT', 'apps'),
             ('export', 'GET', 'files'), ('export', 'PUT', 'files'),
             ('audit', 'GET', 'audit')) AS allowed (role, method, resource);
