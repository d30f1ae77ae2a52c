/** Whether an adapter is a software driver on the processor. */
export function isSoftware({
  architecture = '',
  description,
}: Pick<GPUAdapterInfo, 'description'> & Partial<Pick<GPUAdapterInfo, 'architecture'>>): boolean {
  return architecture === 'software' || /llvmpipe|swiftshader|software/i.test(description);
}
