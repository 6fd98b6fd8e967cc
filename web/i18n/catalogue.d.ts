declare module "*.ftl?compiled&raw" {
  const catalogue: import("./format").Catalogue;
  export default catalogue;
}
