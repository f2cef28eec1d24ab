//! The canvas as a surface to draw to, and the device that draws.

use std::sync::Arc;

use bevy::{
    app::App,
    ecs::system::{Res, ResMut},
    prelude::Resource,
    render::{
        RenderApp,
        renderer::{RenderDevice, RenderQueue, WgpuWrapper},
    },
};
use wgpu::{
    CurrentSurfaceTexture, Device, Queue, Surface, SurfaceConfiguration, SurfaceTexture,
    TextureFormat, TextureUsages, TextureView,
    rwh::{DisplayHandle, HandleError, HasDisplayHandle},
};

use super::{Picture, gpu::Gpu};

/// Why nothing can be drawn.
#[derive(Debug, thiserror::Error)]
pub enum GraphicsError {
    /// The browser gives no WebGL 2 context for the canvas.
    #[error("this browser offers no WebGL 2 for the canvas: {0}")]
    Surface(#[from] wgpu::CreateSurfaceError),
    /// There is no device behind it.
    #[error("no graphics device: {0}")]
    Adapter(#[from] wgpu::RequestAdapterError),
    /// The device refuses to serve.
    #[error("the graphics device refused: {0}")]
    Device(#[from] wgpu::RequestDeviceError),
    /// The device cannot show pictures on the canvas.
    #[error("the graphics device cannot draw to the canvas")]
    Unsupported,
}

/// The page, as the display that a canvas is on.
#[derive(Debug)]
struct Page;

impl HasDisplayHandle for Page {
    fn display_handle(&self) -> Result<DisplayHandle<'_>, HandleError> {
        Ok(DisplayHandle::web())
    }
}

/// A surface and the device that draws to it.
pub struct Graphics {
    surface: Surface<'static>,
    device: Device,
    queue: Queue,
    format: TextureFormat,
}

impl Graphics {
    /// Opens the device behind a target: in the browser a canvas.
    pub async fn open(
        target: impl Into<wgpu::SurfaceTarget<'static>>,
    ) -> Result<Self, GraphicsError> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        if cfg!(target_arch = "wasm32") {
            descriptor.backends = wgpu::Backends::GL;
            descriptor.display = Some(Box::new(Page));
        }
        let instance = wgpu::Instance::new(descriptor);
        let surface = instance.create_surface(target)?;
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                force_fallback_adapter: false,
                compatible_surface: Some(&surface),
            })
            .await?;
        let limits = wgpu::Limits::downlevel_webgl2_defaults().using_resolution(adapter.limits());
        let (device, queue) = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("scene"),
                required_limits: limits,
                ..wgpu::DeviceDescriptor::default()
            })
            .await?;
        // Colours leave the shader as sRGB: a format that converts costs another pass.
        let formats = surface.get_capabilities(&adapter).formats;
        let plain = formats.iter().find(|format| !format.is_srgb());
        let format = *plain.or(formats.first()).ok_or(GraphicsError::Unsupported)?;
        Ok(Self { surface, device, queue, format })
    }

    /// Hands device and surface to the app's render world. `lost` is told why, if the
    /// device goes away; `mistaken` of calls it rejects, which are mistakes of ours.
    pub fn install(self, app: &mut App, lost: fn(String), mistaken: fn(String)) {
        self.device.set_device_lost_callback(move |_, reason| lost(reason));
        self.device.on_uncaptured_error(Arc::new(move |error| match error {
            wgpu::Error::OutOfMemory { .. } => {
                lost("the graphics device is out of memory".to_owned());
            }
            other => mistaken(other.to_string()),
        }));
        let Some(render_app) = app.get_sub_app_mut(RenderApp) else { return };
        let world = render_app.world_mut();
        world.insert_resource(Gpu::new(&self.device, self.format));
        world.insert_resource(Screen {
            surface: self.surface,
            format: self.format,
            size: [0, 0],
            picture: None,
            texture: None,
            view: None,
        });
        world.insert_resource(RenderDevice::from(self.device));
        world.insert_resource(RenderQueue(Arc::new(WgpuWrapper::new(self.queue))));
    }
}

/// The canvas, and the picture that is being drawn on it.
#[derive(Resource)]
pub(super) struct Screen {
    surface: Surface<'static>,
    format: TextureFormat,
    size: [u32; 2],
    pub(super) picture: Option<Picture>,
    texture: Option<SurfaceTexture>,
    pub(super) view: Option<TextureView>,
}

/// Gets the canvas' next picture to draw to, fitted to its size.
pub(super) fn acquire(mut screen: ResMut<'_, Screen>, device: Res<'_, RenderDevice>) {
    let screen = &mut *screen;
    let Some(picture) = &screen.picture else { return };
    let size = [picture.look.width.max(1), picture.look.height.max(1)];
    if screen.size != size {
        screen.size = size;
        configure(screen, &device);
    }
    let texture = match screen.surface.get_current_texture() {
        CurrentSurfaceTexture::Success(texture) | CurrentSurfaceTexture::Suboptimal(texture) => {
            Some(texture)
        }
        CurrentSurfaceTexture::Outdated | CurrentSurfaceTexture::Lost => {
            configure(screen, &device);
            match screen.surface.get_current_texture() {
                CurrentSurfaceTexture::Success(texture) => Some(texture),
                _ => None,
            }
        }
        _ => None,
    };
    screen.view = texture
        .as_ref()
        .map(|texture| texture.texture.create_view(&wgpu::TextureViewDescriptor::default()));
    screen.texture = texture;
}

fn configure(screen: &Screen, device: &RenderDevice) {
    let config = SurfaceConfiguration {
        usage: TextureUsages::RENDER_ATTACHMENT,
        format: screen.format,
        width: screen.size[0],
        height: screen.size[1],
        present_mode: wgpu::PresentMode::AutoVsync,
        desired_maximum_frame_latency: 2,
        alpha_mode: wgpu::CompositeAlphaMode::Auto,
        view_formats: Vec::new(),
    };
    screen.surface.configure(device.wgpu_device(), &config);
}

/// Shows the picture.
pub(super) fn present(mut screen: ResMut<'_, Screen>) {
    screen.view = None;
    if let Some(texture) = screen.texture.take() {
        texture.present();
    }
}
