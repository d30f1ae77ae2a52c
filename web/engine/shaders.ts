const texts = import.meta.glob('../../shaders/*.wgsl', { query: '?raw', import: 'default', eager: true });

/** The text of `shaders/<name>.wgsl`. */
export function shaderText(name: string): string {
  const text = texts[`../../shaders/${name}.wgsl`];
  if (text === undefined) throw new Error(`there is no shader ${name}`);
  return text;
}
