//! `#[derive(Config)]`: one field is one setting.
//!
//! The macro writes only what an author could write by hand: a `define` call and a `read` call for each field.
//! Reading, defaults, checks and the collection of problems live in `millrace_api::config`.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, Field, Fields, Ident, Lit, LitInt, LitStr, Meta,
    meta::ParseNestedMeta, parse_macro_input,
};

/// Implements `millrace_api::Config` for a struct with named fields.
///
/// A field's doc comment is the user's documentation and must be there. `batch_size` is the setting
/// `batch.size`. Attributes, all optional, in `#[config(..)]`: `high`, `low` (importance, else medium), `name = ".."`,
/// `default = expr`, `check = expr`, `class` and `password` (the type shown), `group = ".."`, `order = n`,
/// `display = ".."`, `short`, `mid`, `long` (width), `flatten` (the field is a `Config` of its own).
#[proc_macro_derive(Config, attributes(config))]
pub fn derive_config(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(input: &DeriveInput) -> syn::Result<Tokens> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(input, "Config is for structs"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(syn::Error::new_spanned(input, "Config needs named fields"));
    };
    let settings = fields.named.iter().map(Setting::parse).collect::<syn::Result<Vec<_>>>()?;
    let name = &input.ident;
    let define = settings.iter().map(Setting::define);
    let read = settings.iter().map(Setting::read);
    let names: Vec<_> = settings.iter().map(|setting| &setting.field).collect();
    Ok(quote! {
        impl ::millrace_api::Config for #name {
            fn define(definition: &mut ::millrace_api::config::ConfigDef) { #(#define)* }

            fn read(reader: &mut ::millrace_api::config::Reader<'_>) -> Option<Self> {
                #(#read)*
                Some(Self { #(#names: #names?),* })
            }
        }
    })
}

/// One field of the struct.
struct Setting {
    field: Ident,
    ty: syn::Type,
    name: String,
    doc: String,
    importance: Ident,
    flatten: bool,
    order: i32,
    group: Option<String>,
    display: Option<String>,
    width: Ident,
    /// Builder calls in the order of the attributes.
    calls: Vec<Tokens>,
}

impl Setting {
    fn parse(field: &Field) -> syn::Result<Self> {
        let ident = field.ident.clone().expect("the fields are named");
        let mut setting = Self {
            name: ident.to_string().replace('_', "."),
            field: ident,
            ty: field.ty.clone(),
            doc: String::new(),
            importance: quote::format_ident!("Medium"),
            flatten: false,
            order: -1,
            group: None,
            display: None,
            width: quote::format_ident!("None"),
            calls: Vec::new(),
        };
        for attribute in &field.attrs {
            setting.add_doc(attribute);
            if attribute.path().is_ident("config") {
                attribute.parse_nested_meta(|meta| setting.add_option(&meta))?;
            }
        }
        if setting.doc.is_empty() && !setting.flatten {
            let text = "a setting needs a doc comment: it is the user's documentation";
            return Err(syn::Error::new_spanned(field, text));
        }
        Ok(setting)
    }

    fn add_doc(&mut self, attribute: &Attribute) {
        let Meta::NameValue(meta) = &attribute.meta else { return };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value else { return };
        if !attribute.path().is_ident("doc") {
            return;
        }
        if !self.doc.is_empty() {
            self.doc.push(' ');
        }
        self.doc.push_str(text.value().trim());
    }

    fn add_option(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        match meta.path.require_ident()?.to_string().as_str() {
            "name" => self.name = meta.value()?.parse::<LitStr>()?.value(),
            "high" => self.importance = quote::format_ident!("High"),
            "low" => self.importance = quote::format_ident!("Low"),
            "flatten" => self.flatten = true,
            "group" => self.group = Some(meta.value()?.parse::<LitStr>()?.value()),
            "order" => self.order = meta.value()?.parse::<LitInt>()?.base10_parse()?,
            "display" => self.display = Some(meta.value()?.parse::<LitStr>()?.value()),
            "short" => self.width = quote::format_ident!("Short"),
            "mid" => self.width = quote::format_ident!("Medium"),
            "long" => self.width = quote::format_ident!("Long"),
            "class" => self.calls.push(quote! { .typed(::millrace_api::config::Type::Class) }),
            "password" => self.calls.push(quote! { .typed(::millrace_api::config::Type::Password) }),
            "default" => {
                let value: Expr = meta.value()?.parse()?;
                self.calls.push(quote! { .default(#value) });
            }
            "check" => {
                let check: Expr = meta.value()?.parse()?;
                self.calls.push(quote! { .check(#check) });
            }
            other => return Err(meta.error(format!("unknown config attribute `{other}`"))),
        }
        Ok(())
    }

    fn define(&self) -> Tokens {
        let Self { ty, name, doc, importance, calls, width, order, .. } = self;
        if self.flatten {
            return quote! { <#ty as ::millrace_api::Config>::define(definition); };
        }
        let group = self.group.iter().map(|group| quote! { .group(#group, #order) });
        let display = self.display.as_ref().unwrap_or(name);
        quote! {
            definition.define(
                ::millrace_api::config::Key::of::<#ty>(#name, ::millrace_api::config::Importance::#importance, #doc)
                    .display(#display, ::millrace_api::config::Width::#width)
                    #(#group)* #(#calls)*
            );
        }
    }

    fn read(&self) -> Tokens {
        let Self { field, ty, name, .. } = self;
        if self.flatten {
            return quote! { let #field = <#ty as ::millrace_api::Config>::read(reader); };
        }
        quote! { let #field = reader.read::<#ty>(#name); }
    }
}
