/** What of Vite is used here. Its own types bring those of Node along, which the page must do without. */

declare module '*?url' {
  const address: string;
  export default address;
}

declare module '*.css' {}

interface ImportMeta {
  /** Every file that matches, its content as text, by its path. */
  glob(pattern: string, options: { query: '?raw'; import: 'default'; eager: true }): Readonly<Record<string, string>>;
}
