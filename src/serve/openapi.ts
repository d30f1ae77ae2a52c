import * as z from 'zod';
import { API_PATHS, MOST_BODY_BYTES, MOST_PIXELS } from './api.js';
import { MOST_AT_ONCE } from './places.js';
import { classifyQuery, components } from './schemas.js';

/** Why each status is given. */
const REASONS = {
  304: 'It is as it was',
  400: 'The request is not one that is understood',
  401: 'The token is missing or another',
  403: 'The request comes from a page of another origin',
  404: 'There is no such network or page',
  405: 'The method is another; `Allow` has those there are',
  413: `The body is longer than ${MOST_BODY_BYTES} bytes, or the image has more than ${MOST_PIXELS} pixels`,
  415: 'The body is not said to be an image',
  421: 'The Host header does not name this server',
  422: 'The image cannot be read, or the network cannot be asked so',
  429: `${MOST_AT_ONCE} images are being classified or wait; \`Retry-After\` says when to come again`,
  500: 'A fault of the server',
} as const;

type Reason = keyof typeof REASONS;

const MARKED: readonly Reason[] = [400, 401, 403, 405, 421, 500];

/** The OpenAPI 3.1 document of the API, from the schemas that requests and answers have. */
export function openApiDocument(version: string): object {
  const { schemas } = z.toJSONSchema(components, { uri: id => ref(id) });
  return {
    openapi: '3.1.0',
    info: {
      title: 'facegrad',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'Apparent facial expressions in pictures, by networks on the adapter of the machine that serves them. What is told is how a ' +
        'face looks to somebody who labels pictures, not what a person feels; look at the recall of each class before you rely ' +
        "on one. The European Union's AI Act, Article 5(1)(f), bans systems that infer emotions at work and in education.",
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths: {
      [API_PATHS.health]: {
        get: {
          ...{ operationId: 'health', summary: 'Whether the server answers', security: [] },
          responses: { 200: json('Health', 'It does'), ...refusals(400, 403, 405, 421) },
        },
      },
      [API_PATHS.models]: {
        get: {
          ...{ operationId: 'models', summary: 'The networks that can be asked' },
          responses: { 200: json('ModelList', 'All of them'), ...refusals(...MARKED) },
        },
      },
      [`${API_PATHS.models}/{id}/weights`]: {
        get: {
          ...{ operationId: 'weights', summary: 'The weights of a network' },
          parameters: [
            { name: 'id', in: 'path', required: true, schema: { type: 'string' } },
            { name: 'If-None-Match', in: 'header', schema: { type: 'string' } },
          ],
          responses: {
            200: {
              description: 'A safetensors file',
              headers: { ETag: { schema: { type: 'string' } } },
              content: { 'application/octet-stream': {} },
            },
            304: { description: REASONS[304] },
            ...refusals(...MARKED, 404),
          },
        },
      },
      [API_PATHS.classify]: {
        post: {
          ...{ operationId: 'classify', summary: 'Classify an image, or the faces in it' },
          parameters: queryParameters(),
          requestBody: {
            required: true,
            description: `The bytes of a JPEG, PNG, WebP, GIF, TIFF or AVIF file, at most ${MOST_BODY_BYTES}`,
            content: { 'image/*': {}, 'application/octet-stream': {} },
          },
          responses: {
            200: {
              description: 'A row for the image, or for each face in it',
              content: {
                'application/json': { schema: { type: 'array', minItems: 1, items: { $ref: ref('ClassifiedRow') } } },
              },
            },
            ...refusals(...MARKED, 404, 413, 415, 422, 429),
          },
        },
      },
      [API_PATHS.openapi]: {
        get: {
          ...{ operationId: 'openapi', summary: 'This document' },
          responses: {
            200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } },
            ...refusals(...MARKED),
          },
        },
      },
    },
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)])),
      securitySchemes: {
        token: {
          ...{ type: 'http', scheme: 'bearer' },
          description: 'Needed where the server listens to other machines; `facegrad serve` prints it',
        },
      },
    },
  };
}

function ref(id: string): string {
  return `#/components/schemas/${id}`;
}

function json(id: string, description: string): object {
  return { description, content: { 'application/json': { schema: { $ref: ref(id) } } } };
}

function refusals(...statuses: readonly Reason[]): Record<number, object> {
  const headersOf = (status: Reason) => {
    if (status !== 429) return {};
    return { headers: { 'Retry-After': { description: 'Seconds', schema: { type: 'integer' } } } };
  };
  return Object.fromEntries(
    statuses.map(status => [status, { ...json('Error', REASONS[status]), ...headersOf(status) }]),
  );
}

/** As OpenAPI has them: each with its description beside its schema. */
function queryParameters(): object[] {
  const { properties = {} } = z.toJSONSchema(classifyQuery, { io: 'input' });
  return Object.entries(properties).map(([name, schema]) => {
    const { description, ...plain } = schema as { description?: string };
    return { name, in: 'query', description, schema: plain };
  });
}

/** Without what a schema says of itself where it stands alone. */
function bare(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'));
}
