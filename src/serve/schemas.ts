import * as z from 'zod';
import type { AugmentSpec } from '../data/augment/transforms.js';
import type { ClassifiedRow, ErrorBody, Health, ModelInfo, ModelList } from './api.js';

/** What requests may say and what answers look like; the OpenAPI document is made of it (openapi.ts). */

const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const flag = z.enum(['true', 'false']);

/** Names of what the document describes once. */
export const components = z.registry<{ id: string; description: string }>();

export const healthSchema = z
  .strictObject({
    status: z.literal('ok'),
    version: z.string().describe('Of facegrad'),
    adapter: z
      .string()
      .nullable()
      .describe("Name of the server's adapter; null as long as nothing was classified on it"),
    models: count.describe('How many there are'),
  })
  .register(components, { id: 'Health', description: 'That the server answers' }) satisfies z.ZodType<Health>;

const augment = z
  .array(z.record(z.string(), z.looseObject({})))
  .describe('Transforms in their order, each an object with one key; see docs/augmentation.md');

export const modelInfoSchema = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9-]+$/),
    name: z.string().describe('What people call it: the name of its run, or of its file'),
    model: z.string().describe('The architecture, such as simple-cnn; `facegrad models` lists them'),
    modelOptions: z.strictObject({
      inputSize: z.int().positive().exactOptional(),
      dropout: share.exactOptional(),
      se: z.boolean().exactOptional(),
      activation: z.enum(['relu', 'sigmoid']).exactOptional(),
    }),
    dataset: z.string().nullable().describe('The data that it was trained on; null where nobody knows'),
    classes: z.array(z.string()),
    image: z
      .strictObject({
        size: z.int().positive(),
        channels: z.union([z.literal(1), z.literal(3)]),
        equalize: z.boolean(),
      })
      .describe('What an image becomes first: a square of `size` pixels, perhaps with equalised histograms'),
    normalisation: z
      .strictObject({
        mean: z.array(z.number()).min(1),
        std: z.array(z.number().positive()).min(1),
        imagenet: z.boolean().describe("Whether the network then normalises as ImageNet's images were"),
      })
      .describe('Subtracted from pixels in 0..1, and what is left divided by, per channel'),
    augment: (augment as unknown as z.ZodType<AugmentSpec>)
      .nullable()
      .describe('The augmentation of its training, whose resizes and crops test images undergo too'),
    parameters: count,
    bytes: count.describe('Of the file at `weights`'),
    accuracy: z.strictObject({ split: z.enum(['val', 'test']), value: share }).nullable(),
    recall: z
      .record(z.string(), share.nullable())
      .nullable()
      .describe("The share of each class's images that it got right, of the split of `accuracy`"),
    weights: z.string().describe('Path of its weights: safetensors in float32'),
  })
  .register(components, {
    id: 'ModelInfo',
    description: 'A network, and all that is needed to build it and to make images ready for it',
  }) satisfies z.ZodType<ModelInfo>;

export const modelListSchema = z.strictObject({ models: z.array(modelInfoSchema) }).register(components, {
  id: 'ModelList',
  description: 'Networks in the order in which they were given; the first is the default',
}) satisfies z.ZodType<ModelList>;

export const rowSchema = z
  .strictObject({
    file: z.string().describe('The `name` of the request'),
    face: z
      .boolean()
      .describe('Whether this is a face that was found; absent where none was looked for')
      .exactOptional(),
    box: z
      .strictObject({ x: count, y: count, width: count, height: count })
      .nullable()
      .describe('Where the face is, in pixels of the image turned as EXIF says; null for a whole image'),
    emotions: z
      .record(z.string(), share)
      .describe('The probability of each class: of how the face looks, not of what a person feels'),
    top: z.string().describe('The class of the highest probability'),
    gradCam: z
      .string()
      .regex(/^data:image\/png;base64,/)
      .describe('What spoke for `top`, drawn over what the network saw')
      .exactOptional(),
  })
  .register(components, {
    id: 'ClassifiedRow',
    description: 'What a network says of an image, or of a face in it, as `facegrad predict --json` prints it',
  }) satisfies z.ZodType<ClassifiedRow>;

export const errorSchema = z
  .strictObject({ error: z.string() })
  .register(components, { id: 'Error', description: 'Why a request was refused' }) satisfies z.ZodType<ErrorBody>;

/** The query of `POST /api/classify`; what it does not name is refused. */
export const classifyQuery = z.strictObject({
  model: z.string().describe('The id of a network; the first, where there is none').exactOptional(),
  faces: flag
    .default('false')
    .describe('Look for faces, and classify each, the largest first; no face: the whole image'),
  gradCam: flag.default('false').describe('Draw what spoke for the answer'),
  name: z.string().min(1).max(1000).default('image').describe('What rows call the image'),
});
