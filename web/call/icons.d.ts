declare module "*.svg?path&raw" {
  /** The data of one <path>; see ui/lucide.ts. */
  const d: string;
  export default d;
}
