import * as z from 'zod';

// zod tries `new Function` out when a schema is made, which the page's Content-Security-Policy refuses with an error on the
// console. Imported before anything that makes schemas.
z.config({ jitless: true });
