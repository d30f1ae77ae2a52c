import { useEffect, useRef } from 'preact/hooks';
import { withAlpha, type Raster } from '../raster.js';

/** A small picture, its pixels shown as such. */
export function RasterView({ raster, label }: { raster: Raster; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { current } = canvas;
    if (!current) return;
    if (current.width !== raster.width) current.width = raster.width;
    if (current.height !== raster.height) current.height = raster.height;
    current.getContext('2d')!.putImageData(withAlpha(raster), 0, 0);
  }, [raster]);
  return <canvas ref={canvas} class="raster" role="img" aria-label={label} width={1} height={1} />;
}
